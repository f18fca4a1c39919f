"""Who may do what: pure decisions over the policy, each with its reasons."""
