"""The warehouses that tables and views are kept in, behind one interface."""

from schemas.warehouses.base import (
    NoWarehouse,
    Refused,
    Warehouse,
    WarehouseError,
    open_warehouse,
)

__all__ = ["NoWarehouse", "Refused", "Warehouse", "WarehouseError", "open_warehouse"]
