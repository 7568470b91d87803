"""IRIS messages to typed tables: an Apache Beam pipeline and the pure functions that it wires."""
