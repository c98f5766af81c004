/*
 * report_style - how a page looks: one style sheet for light and dark, phones and print.
 */
#ifndef WEIR_CLI_REPORT_STYLE_H
#define WEIR_CLI_REPORT_STYLE_H

extern const char weir__report_style[];

#endif
