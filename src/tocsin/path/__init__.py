"""The path of a notification, one verb a file: authorize, accept, announce, acknowledge. Append is the store's."""
