"""Which labels are probably wrong, how sure that is, and which images do not belong: functions of arrays"""
