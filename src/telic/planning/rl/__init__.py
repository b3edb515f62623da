"""Policies learned by trying: one learner a module, each certified where the best policy is known exactly."""
