"""What an operator does, one file per noun and one function per verb; every face (REST, CLI, pages) calls these."""
