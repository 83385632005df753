"""A BIDS dataset with fMRIPrep derivatives."""
