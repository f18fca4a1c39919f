"""In which language people are told something: English sentences are the source, a catalogue per language follows."""
