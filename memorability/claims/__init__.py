"""The paper's claims: the published figures, ours beside them, and the ledger that judges them."""
