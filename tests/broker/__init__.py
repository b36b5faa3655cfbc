"""What every broker must do, on real ones."""
