"""Networks of the study, one module each."""
