//! SQL: what was ingested.
