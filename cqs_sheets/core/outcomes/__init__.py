"""Did it work? Every signal paper-traded on candles by fixed rules, and what the results say of a feed.

Everything here is exact and pure. Inside, prices are whole numbers of 1e-18 (fractions where that is not
enough), and those of a SHORT are negative: a SHORT then is a LONG, and only one side has to be thought of.
Times are minutes since 1970 (UTC); a minute is named by its start.
"""
