//! HTTP in: public endpoint, websocket, admin.
