"""What runs beside the data: it looks at them and tells how they are."""
