"""The tiny model: its text, tokenizer, training, files and gates. Run by tools/model.sh."""
