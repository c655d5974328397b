"""RDS: the route tables of a proxy."""
