//! Engine, cells, limits, grants, composition, compiled-code cache.
