//! Finds the programs of others that a test wants; says which is missing.
