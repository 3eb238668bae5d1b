//! What strangers bring: sniffing, archives, file names, byte budgets.
