//! What a plugin with one instance for the whole host makes of its configuration, with the first call.

use std::cell::RefCell;
use std::rc::Rc;

use crate::log;
use crate::model::Error;

/// Made once, for a `thread_local!`. A fault in the configuration is logged once and answers every call.
pub struct Started<T>(RefCell<Option<Result<Rc<T>, Error>>>);

impl<T> Started<T> {
    /// Not made yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }

    /// What `make` made the first time.
    ///
    /// # Errors
    /// Those of `make`, the same each time.
    pub fn get(&self, make: impl FnOnce() -> Result<T, Error>) -> Result<Rc<T>, Error> {
        self.0
            .borrow_mut()
            .get_or_insert_with(|| {
                make()
                    .map(Rc::new)
                    .inspect_err(|error| log::error!("start", "{error:?}"))
            })
            .clone()
    }
}

impl<T> Default for Started<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::Started;
    use crate::model::Error;

    #[test]
    fn it_is_made_once_and_a_fault_answers_every_call() {
        let good = Started::new();
        let first = good.get(|| Ok(1)).unwrap();
        let again = good.get(|| Ok(2)).unwrap();
        assert!(Rc::ptr_eq(&first, &again) && *again == 1);

        let fault = Error::Invalid("config `n`".into());
        let bad = Started::<u8>::new();
        assert_eq!(bad.get(|| Err(fault.clone())), Err(fault.clone()));
        assert_eq!(bad.get(|| Ok(1)), Err(fault));
    }
}
