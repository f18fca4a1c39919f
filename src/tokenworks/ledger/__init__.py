"""Double entry: entries that sum to zero and are never changed, the lots of wallets, and the folds over both."""
