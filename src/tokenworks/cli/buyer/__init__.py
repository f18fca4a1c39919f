"""What a buyer does at a shell: talk to a model, send one request, see what it cost. All over the public wire."""
