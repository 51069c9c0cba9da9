//! Crafts captures (see README).
