"""Everything from outside: addresses, downloads, checksums, archives."""
