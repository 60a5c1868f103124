"""Identity: accounts, sessions, real-name and creator verification, and the sign-in of operators."""
