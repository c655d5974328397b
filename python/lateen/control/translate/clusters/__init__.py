"""CDS: the clusters of a proxy."""
