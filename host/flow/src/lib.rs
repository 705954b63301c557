//! The .ygtc flow: schema, loader, validator, interpreter.
