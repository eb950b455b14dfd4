"""Quality of utterances: labelled inputs, and the shares of them that come out right."""
