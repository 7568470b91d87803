"""Everything on one machine, without a cloud account."""
