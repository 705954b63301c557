//! The contract's events as flows see them, for conditions that are looked at before any flow runs.

greentic_flow::event_of_contract!(greentic_interfaces::model);
