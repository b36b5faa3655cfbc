"""What deploy/ has, started as it is shipped where the programs for it are installed."""
