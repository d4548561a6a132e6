"""`mockapi bench`: this machine's figures, each beside something that can be compared."""
