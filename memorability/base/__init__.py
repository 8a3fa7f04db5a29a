"""What every package rests on: errors, files, arrays, streams of random numbers, hashes, logs."""
