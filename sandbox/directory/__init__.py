"""The world that can be searched and enriched: companies and people made by rule, none of them real."""
