"""Between Snakemake and the science: fingerprints, records, requests, estimates."""
