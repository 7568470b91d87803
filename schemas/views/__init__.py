"""The views of the warehouse, generated from the schema files and the tables that are there."""
