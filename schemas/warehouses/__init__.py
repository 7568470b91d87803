"""The warehouses that tables and views are kept in, behind one interface."""

from schemas.warehouses.base import NoWarehouse, Warehouse, WarehouseError, open_warehouse

__all__ = ["NoWarehouse", "Warehouse", "WarehouseError", "open_warehouse"]
