//! What an admin call came to, as JSON.

use http::{Response, StatusCode};
use serde::Serialize;

use crate::admin_model::AdminError;
use crate::answer::Full;
use crate::problem::{self, MEDIA_TYPE, json_response};

/// A value with 200, or the fault.
pub(crate) fn ok<T: Serialize>(result: Result<T, AdminError>) -> Response<Full> {
    result.map_or_else(|error| fault(&error), |value| json(StatusCode::OK, &value))
}

/// 204, or the fault.
pub(crate) fn done(result: Result<(), AdminError>) -> Response<Full> {
    match result {
        Ok(()) => {
            let mut response = Response::new(Full::default());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
        Err(error) => fault(&error),
    }
}

pub(crate) fn json<T: Serialize>(status: StatusCode, value: &T) -> Response<Full> {
    match serde_json::to_value(value) {
        Ok(value) => json_response(status, "application/json", &value),
        Err(error) => fault(&AdminError::Internal(format!(
            "the answer cannot be written as JSON: {error}"
        ))),
    }
}

/// Problem details; a refused bundle's faults are in the member `faults`.
pub(crate) fn fault(error: &AdminError) -> Response<Full> {
    let status = match error {
        AdminError::Invalid(_) => StatusCode::BAD_REQUEST,
        AdminError::NotFound(_) => StatusCode::NOT_FOUND,
        AdminError::Conflict(_) => StatusCode::CONFLICT,
        AdminError::Refused { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        AdminError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        AdminError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let mut body = problem::body(status, &error.to_string());
    if let (AdminError::Refused { faults, .. }, Some(members)) = (error, body.as_object_mut()) {
        members.insert("faults".into(), faults.clone().into());
    }
    json_response(status, MEDIA_TYPE, &body)
}
