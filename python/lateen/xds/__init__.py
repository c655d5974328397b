"""The rules of xDS that both sides share: types, versions, ACK and NACK state. No I/O."""
