"""Reading and writing of files: tables, NetCDF, checksums, and the keys that results carry."""
