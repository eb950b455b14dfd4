"""Quality of what the analysis makes of records, as shares of what is labelled right."""
