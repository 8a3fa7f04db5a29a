"""The paper's claims: the published numbers, ours beside them, and the ledger that judges them."""
