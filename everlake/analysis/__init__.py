"""Records to utterances: who said what, and when."""
