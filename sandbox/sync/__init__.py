"""Sync of lists to CRMs and sequencers, which fail as real ones do."""
