//! The contract's events as the interpreter takes them.

greentic_flow::event_of_contract!(greentic_sdk::model);
