//! One segment: groups, gaps and their verdicts.
