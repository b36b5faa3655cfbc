"""The API behind `/api`, its descriptions, and who may do what with it."""
