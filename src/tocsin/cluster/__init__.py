"""What makes many processes one server: each follows the log and shares what one process would know by itself."""
