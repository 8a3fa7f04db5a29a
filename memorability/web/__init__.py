"""What pages on this computer share: a small server that hands out files and refuses strangers."""
