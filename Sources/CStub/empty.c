// The stub: see stub.S.
