"""What is measured without an edit: one module per library, loaded once the plugin imports it."""
